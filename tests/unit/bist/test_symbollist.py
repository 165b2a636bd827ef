"""Which symbols are wanted: a list, a file, or all."""

from pathlib import Path

import pytest

from spark_ingest_bist.symbollist import BIST_30, DEFAULT, read_symbols


def test_a_list_is_read_in_its_order_without_repeats() -> None:
    assert read_symbols(" THYAO, xu100 ,THYAO,") == ("THYAO", "XU100")
    assert read_symbols("*") == ("*",)


def test_a_file_has_one_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "symbols"
    file.write_text("\ufeff# mine\nTHYAO\n\nSASA  # chemistry\r\nıselı\n", encoding="utf-8")

    assert read_symbols(f"@{file}") == ("THYAO", "SASA", "ISELI")


def test_a_bad_line_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "symbols"
    file.write_text("THYAO\n\nTHYAO.IS\n", encoding="utf-8")

    with pytest.raises(ValueError, match=rf"{file}, line 3: 'THYAO.IS' is no symbol"):
        read_symbols(f"@{file}")


@pytest.mark.parametrize("text", ["", " , ", "*,THYAO", "THYAO;SASA", "@/no/such/file"])
def test_what_names_no_symbols_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no symbol|stands alone|is no symbol|cannot read"):
        read_symbols(text)


def test_the_default_is_thirty_shares_and_two_indices() -> None:
    assert len(set(BIST_30)) == 30
    assert DEFAULT[30:] == ("XU100", "XU030")
