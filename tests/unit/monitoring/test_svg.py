"""Elements of SVG pictures."""

from __future__ import annotations

from xml.etree import ElementTree

from monitoring.svg import element, polyline, text

HOSTILE = """<script>"&'"""


def test_texts_and_attributes_come_back_as_they_were_given() -> None:
    read = ElementTree.fromstring(text(1, 2, HOSTILE, font_family=HOSTILE))
    assert (read.text, read.attrib["font-family"]) == (HOSTILE, HOSTILE)


def test_an_element_has_its_attributes_and_what_is_inside() -> None:
    made = element("g", element("rect", width=12.345, rx=3), element("path"), fill_opacity=0.5)
    assert made == '<g fill-opacity="0.5"><rect width="12.3" rx="3"/><path/></g>'


def test_a_line_goes_through_its_points() -> None:
    read = ElementTree.fromstring(polyline([(0.0, 1.04), (20, 3.5)], "red", 1.4))
    assert read.attrib == {
        "points": "0,1 20,3.5", "fill": "none", "stroke": "red", "stroke-width": "1.4"
    }  # fmt: skip
