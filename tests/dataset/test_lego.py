from __future__ import annotations

import pytest

from figsight.dataset.lego import is_metadata, read_figures
from figsight.dataset.tables import parse_table
from figsight.errors import DataError

HEADER = "class_id,lego_ids,lego_names,minifigure_name\n"


def _metadata(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    figures = read_figures(parse_table(text.encode(), "metadata.csv"))
    return {id_: (figure.name, dict(figure.metadata)) for id_, figure in figures.items()}


def test_read_figures__reads_python_lists() -> None:
    text = (
        HEADER
        + "1,[76115],['Spider Mech vs. Venom'],SPIDER-MAN\n"
        + '5,[75208],"[""Yoda\'s Hut""]",YODA\n'
        + "6,\"[1, 2]\",\"['A', 'B']\",C  3PO\n"
        + "7,[],,\n"
    )
    assert _metadata(text) == {
        "1": ("SPIDER-MAN", {"sets": "Spider Mech vs. Venom", "set_numbers": "76115"}),
        "5": ("YODA", {"sets": "Yoda's Hut", "set_numbers": "75208"}),
        "6": ("C 3PO", {"sets": "A, B", "set_numbers": "1, 2"}),
        "7": ("7", {}),
    }


def test_read_figures__reads_the_older_columns() -> None:
    text = ",class_id,lego_id,lego_name,minifigure_name\n0,1,76115,Spider Mech,SPIDER-MAN\n"
    assert _metadata(text) == {"1": ("SPIDER-MAN", {"sets": "Spider Mech", "set_numbers": "76115"})}


@pytest.mark.parametrize("text", ["[1", "[x for x in y]", "[__import__('os')]", "[" * 5000])
def test_read_figures__takes_what_is_no_list_as_text(text: str) -> None:
    assert _metadata(f'{HEADER}1,"{text}",,A\n') == {"1": ("A", {"set_numbers": text})}


def test_read_figures__refuses_an_id_twice() -> None:
    with pytest.raises(DataError) as caught:
        _metadata(f"{HEADER}1,,,A\n1,,,B\n")
    assert str(caught.value) == (
        "metadata.csv: the class_id '1' stands there twice; remove one of the rows"
    )


def test_is_metadata__knows_a_foreign_table() -> None:
    assert is_metadata(parse_table(HEADER.encode(), "metadata.csv"))
    assert not is_metadata(parse_table(b"class_id,camera\n", "metadata.csv"))
