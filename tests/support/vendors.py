"""What licensed vendors of Borsa İstanbul's prices send, as they document it, and their files."""

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from spark_ingest_bist.secretvalues import Secrets, secrets
from spark_ingest_bist.vendorfile import parse_vendor, read_vendor
from spark_ingest_bist.vendormodel import Vendor

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "vendors"
NAMES = ("ideal", "collectapi", "laplace", "algolab", "bigpara", "oneendeks")
KEY = "simulated-key"  # what the simulator's vendors want
SEVERAL = f"KEY={KEY}\nHASH=simulated-hash\nCHECKER=simulated-checker"

IDEAL = [
    {"a": "21/11/2024", "b": "145511", "c": "GARAN", "d": "GARANTI BANKASI", "e": "114.40", "f": "109.00",
     "g": "114.30", "h": "114.40", "i": "4.95", "j": "114.70", "k": "109.80"},
    {"a": "21/11/2024", "b": "145511", "c": "SAHOL", "d": "SABANCI HOLDING", "e": "85.10", "f": "80.95",
     "g": "85.05", "h": "85.10", "i": "5.13", "j": "85.25", "k": "81.15"},
    {"a": "21/11/2024", "b": "145511", "c": "XU100", "d": "BIST 100", "e": "9291.83", "f": "9031.82",
     "g": "", "h": "", "i": "2.88", "j": "9298.94", "k": "9069.91"},
]  # fmt: skip
ALGOLAB_T = {
    "Type": "T",
    "Content": {
        "Symbol": "VERTU", "Market": "IMKBH", "Price": 22.78, "Change": 0.1, "Ask": 22.78, "Bid": 22.8,
        "Date": "2022-05-30T11:51:59+03:00", "ChangePercentage": 0.44, "High": 22.9, "Low": 22.78,
        "TradeQuantity": 410.0, "Direction": "S", "RefPrice": 22.7, "BalancePrice": 0.0, "BalanceAmount": 0.0,
        "Buying": "XXXXX", "Selling": "XXXXX",
    },
}  # fmt: skip
ALGOLAB_D = {
    "Type": "D",
    "Content": {
        "Symbol": "F_HEKTS0522", "Market": "VIP", "Direction": "B", "Row": 20, "Quantity": 3, "Price": 29.49,
        "OrderCount": 1, "Date": "2022-05-30T17:25:05.7561532+03:00",
    },
}  # fmt: skip
ONEENDEKS = [
    {"symbol": "THYAO", "last": 304.25, "open": 301.5, "high": 306.0, "low": 300.75, "dayClose": 300.5, "bid": 304.0,
     "ask": 304.25, "volume": 3756250000.0, "quantity": 12345678, "weekClose": 298.0, "monthClose": 290.0,
     "yearClose": 250.0, "updateDate": "2026-04-27T15:05:00.000+03"}
]  # fmt: skip
ONEENDEKS_DERIVATIVE = [
    {"symbol": "F_XLBNK1226", "settlement": 19120, "last": 19120, "updateDate": "2026-06-24T12:47:43.000+03",
     "initialMargin": 26576.8}
]  # fmt: skip
ONEENDEKS_ERROR = {"error": {"code": "EINVAL", "message": "..."}}
BIGPARA = {
    "code": "0",
    "data": {
        "hisseYuzeysel": {
            "sembolid": 1, "sembol": "THYAO", "tarih": "2026-04-27T15:05:00", "alis": 304.0, "satis": 304.25,
            "acilis": 301.5, "yuksek": 306.0, "dusuk": 300.75, "kapanis": 304.25, "hacimlot": 12345678,
            "hacimtl": 3756250000.0, "aort": 304.1, "dunkukapanis": 300.5, "tavan": 330.5, "taban": 270.5,
            "fiyatadimi": 0.25, "yuzdedegisim": 1.25, "net": 3.75, "aciklama": "TURK HAVA YOLLARI",
        }
    },
}  # fmt: skip
LAPLACE = [{"t": "pr", "d": {"s": "THYAO", "ch": 1.25, "p": 304.25, "d": 1777273500000}}, {"t": "heartbeat", "d": {}}]


def ideal_error(code: str, words: str) -> dict[str, Any]:
    return {
        "message": {
            "errorText": words, "errorCode": code, "isError": True, "resultText": None, "resultOk": False,
            "resultCode": None,
        }
    }  # fmt: skip


IDEAL_ERRORS = [
    (401, ideal_error("Permission401", "Bu servis için yetkiniz yok."), "forbidden"),
    (401, ideal_error("IpPermission401", "Bu servis için ip erişim izniniz yok."), "forbidden"),
    (
        429,
        ideal_error("TooManyRequests", "Bu servis için aşırı istek yaptınız. Kısa bir süre sonra tekrar deneyiniz."),
        "limited",
    ),
]
ALL_OF_THEM = [
    IDEAL, ALGOLAB_T, ALGOLAB_D, ONEENDEKS, ONEENDEKS_DERIVATIVE, ONEENDEKS_ERROR, BIGPARA, LAPLACE,
    *({"status": status, "body": body} for status, body, _ in IDEAL_ERRORS),
]  # fmt: skip


def body(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def example(name: str) -> tuple[Vendor, Secrets]:
    """Return a vendor of the documentation, and secrets that its file needs."""
    vendor = read_vendor(FOLDER / f"{name}.yaml")
    return vendor, keys_of(vendor)


def keys_of(vendor: Vendor) -> Secrets:
    return secrets(SecretStr(KEY if "" in vendor.secret_names else SEVERAL), vendor.secret_names)


def described(text: str) -> tuple[Vendor, Secrets]:
    """Return a vendor that ``text`` describes, with what every file needs put before."""
    vendor = parse_vendor(f"vendor: V\nlicence: for tests\ndelay: 0\n{text}", "v.yaml")
    return vendor, keys_of(vendor)
