"""The coins that BtcTurk's simulated pairs are made of, with a plausible price of each in USDT."""

from decimal import Decimal
from typing import Final

LIRA_PER_USDT: Final = Decimal("47.8")

_TABLE: Final = """
BTC 78000       ETH 2770        XRP 1.4         AVAX 17.2       SOL 131         DOGE 0.152      ADA 0.485
DOT 2.91        LTC 84.6        LINK 13.4       XLM 0.251       TRX 0.284       SHIB 0.00000872 PEPE 0.00000461
ATOM 2.48       XTZ 0.584       DASH 52.3       AAVE 178        ARPA 0.0188     HNT 2.31        BCH 512
BNB 884         UNI 6.12        MATIC 0.178     ETC 14.1        EOS 0.481       NEO 4.73        FIL 1.62
NEAR 1.87       APT 2.04        ARB 0.214       OP 0.341        SUI 1.71        SEI 0.132       TIA 0.624
INJ 5.23        ICP 3.44        ALGO 0.143      VET 0.0127      HBAR 0.141      GRT 0.0442      FTM 0.304
SAND 0.162      MANA 0.167      AXS 0.922       GALA 0.00731    ENJ 0.0312      CHZ 0.0341      APE 0.234
IMX 0.281       FLOW 0.203      LRC 0.0671      ZRX 0.142       BAT 0.214       COMP 31.2       MKR 1490
SNX 0.492       CRV 0.404       YFI 3980        SUSHI 0.341     1INCH 0.171     BAL 0.642       KNC 0.253
REN 0.00712     STORJ 0.152     ANKR 0.00681    SKL 0.0132      OXT 0.0281      NMR 9.83        BAND 0.421
UMA 0.843       CTSI 0.0412     OMG 0.104       ZIL 0.00631     IOST 0.00192    HOT 0.000522    ONE 0.00451
WIN 0.0000331   BTT 0.000000442 JST 0.0372      SUN 0.0211      JASMY 0.00733   AUDIO 0.0314    MASK 0.684
ENS 11.2        DYDX 0.203      GMX 9.41        RNDR 1.72       FET 0.241       AGIX 0.131      OCEAN 0.264
WLD 0.653       ORDI 4.12       PYTH 0.0672     JTO 0.423       JUP 0.214       BONK 0.00000961 WIF 0.372
FLOKI 0.0000453 MEME 0.00112    BOME 0.000632   TON 1.63        NOT 0.000611    STRK 0.0921     MANTA 0.0813
ALT 0.0132      PIXEL 0.0101    PORTAL 0.0243   ETHFI 0.743     ENA 0.234       W 0.0382        TNSR 0.0842
SAGA 0.0714     OMNI 1.93       REZ 0.00612     BB 0.0632       IO 0.161        ZK 0.0313       ZRO 1.34
LISTA 0.164     BLUR 0.0284     ID 0.0741       EDU 0.143       CYBER 0.804     ARKM 0.203      MAGIC 0.104
RPL 2.24        LDO 0.624       SSV 3.92        FXS 0.681       CVX 2.12        PENDLE 2.04     RDNT 0.0113
GLM 0.214       LPT 3.31        API3 0.482      BICO 0.0514     AGLD 0.294      RAD 0.331       RARE 0.0272
SPELL 0.000312  PEOPLE 0.0101   POWR 0.0932     QNT 78.4        RLC 0.663       ROSE 0.0153     RSR 0.00312
RVN 0.00831     SLP 0.000912    SXP 0.0594      TRB 21.4        WAVES 0.672     XEM 0.00141     XMR 381
ZEC 412         ZEN 9.12        QTUM 1.34       ONT 0.0642      ICX 0.0571      IOTA 0.103      KSM 8.24
EGLD 7.34       CELO 0.142      CELR 0.00381    COTI 0.0264     CRO 0.104       DENT 0.000312   DGB 0.00641
DIA 0.341       FLR 0.0131      GAL 0.664       GMT 0.0214      GNO 131         HFT 0.0412      HIGH 0.243
ILV 8.83        KAVA 0.121      KAS 0.0513      LUNA 0.0942     LUNC 0.0000412  MINA 0.0842     POL 0.134
POLYX 0.0613    PAXG 4120       ARDR 0.0521     STG 0.122       SUPER 0.234     SYN 0.0513      TAO 284
"""


def prices() -> dict[str, Decimal]:
    """Return each coin's price in USDT, the most traded first."""
    words = _TABLE.split()
    return {coin: Decimal(price) for coin, price in zip(words[::2], words[1::2], strict=True)}
