"""What stands in a page is escaped, whatever it is."""

from __future__ import annotations

import json

from relugeom.html import css_variables, html_table, script_json


def test_a_table_escapes_names_cells_and_its_label() -> None:
    made = html_table(["<a>"], [["x & y"], ['"quoted"']], label='of "claims"', caption="<b>", style="color: red")
    for text in ("&lt;a&gt;", "x &amp; y", 'aria-label="of &quot;claims&quot;"', "<caption", "&lt;b&gt;"):
        assert text in made
    assert made.count("<tr>") == 3
    assert made.count('style="color: red"') == 4
    assert "style" not in html_table(["a"], [["b"]]).replace('style="overflow-x: auto"', "")


def test_no_text_ends_a_script_early() -> None:
    made = script_json({"name": "</script><script>"})
    assert "<" not in made
    assert json.loads(made) == {"name": "</script><script>"}


def test_colours_are_variables() -> None:
    assert css_variables({"paper": "#fff", "ink": "#000"}) == "--paper: #fff; --ink: #000;"
