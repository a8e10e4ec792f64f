"""What users read where a net-conf.json is wrong."""

import pytest

from webhook.netconf import NetConfError, parse

OWNERS_SAMPLE = """{
      "Network": "10.244.0.0/16",
      "Backend": {
        "Type": "vxlan",
        "Directrouting": true默认没有这一项，开启后，同一网段直接用物理网络通信
      }
    }
"""


def error_of(text):
    with pytest.raises(NetConfError) as caught:
        parse(text)
    return caught.value


def test_owners_sample():
    """The remark after `true` is pointed at, named, and what was meant is written out."""
    error = error_of(OWNERS_SAMPLE)

    assert (5, 30, "Backend.Directrouting") == (error.line, error.column, error.key)
    assert str(error) == (
        "net-conf.json:5:30: Backend.Directrouting: Invalid value: "
        '"默认没有这一项，开启后，同一网段直接用物理网络通信": not valid JSON, '
        'expected a comma or "}" after the value; '
        "text after the value true: JSON has no comments: remove it; "
        'probably meant is "DirectRouting": true'
    )
    assert error.caret() == (
        '        "Directrouting": true默认没有这一项，开启后，同一网段直接用物理网络通信\n'
        "                             ^"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param('{"a":1 // x\n}', "JSON has no comments", id="slashes"),
        pytest.param('{"a":1 # x\n}', "JSON has no comments", id="hash"),
        pytest.param("/* x */ {}", "JSON has no comments", id="stars"),
        pytest.param('{"a":1,}', "remove the comma before the }", id="trailing-comma"),
        pytest.param('{"a":[1,]}', "remove the comma before the ]", id="trailing-comma-array"),
        pytest.param('{"a":1,,"b":2}', "one comma too many", id="two-commas"),
        pytest.param('{"a":1 "b":2}', "a comma is missing", id="missing-comma"),
        pytest.param('{"a" 1}', "write : between", id="missing-colon"),
        pytest.param("{'a':1}", "double quotes", id="single-quotes"),
        pytest.param('{"a":“b”}', "U+201C LEFT DOUBLE QUOTATION MARK", id="typographic-quotes"),
        pytest.param(
            '{"a"：1}', "FULLWIDTH COLON is a full-width or typographic sign: write :", id="colon"
        ),
        pytest.param('{"a":1，"b":2}', "write ,", id="full-width-comma"),
        pytest.param('{"a":1、"b":2}', "write ,", id="ideographic-comma"),
        pytest.param("\ufeff{}", "byte order mark", id="bom"),
        pytest.param('{\xa0"a":1}', "U+00A0 NO-BREAK SPACE is no blank", id="nbsp"),
        pytest.param('{"a":True}', "write true", id="python-true"),
        pytest.param('{"a":tru}', "write true", id="slip-of-true"),
        pytest.param('{"a":None}', "write null", id="python-none"),
        pytest.param('{"a":NaN}', "numbers are written without", id="nan"),
        pytest.param('{"a":+1}', "numbers are written without", id="plus"),
        pytest.param("{network: 1}", 'double quotes: "Network"', id="bare-key"),
        pytest.param(
            '{"Network": 10.244.0.0/16}', 'double quotes: "10.244.0.0/16"', id="bare-value"
        ),
        pytest.param('{"Backend": {"Type": vxlan}}', '"vxlan"', id="bare-word"),
        pytest.param("Network: 10.244.0.0/16\n", "looks like YAML", id="yaml"),
        pytest.param('{"a":"b', "not closed", id="open-string"),
        pytest.param('{"a":"b\n"}', "not closed on its line", id="line-break-in-string"),
        pytest.param(r'{"a":"b\c"}', r"write \\ for the character", id="bad-escape"),
        pytest.param('{"a":{"b":1}', "} is missing", id="missing-brace"),
        pytest.param("", "the text is empty", id="empty"),
        pytest.param("{}}", "nothing may follow", id="one-brace-too-many"),
        pytest.param('{"EnableIPv6":"true"}', "write true without quotes", id="quoted-bool"),
        pytest.param('{"SubnetLen":"24"}', "write 24 without quotes", id="quoted-number"),
        pytest.param(
            '{"Backend":{"Type":"vxlna"}}', 'probably meant is "vxlan"', id="misspelt-type"
        ),
        pytest.param(
            '{"Backend":{"Type":"wireguard","Mode":"Auto"}}', 'write "auto"', id="mode-case"
        ),
    ],
)
def test_hints(text, hint):
    """Where it can be told what was meant, the error says it."""
    assert hint in error_of(text).hint


def test_secrets_are_not_shown():
    """A PSK that is wrong stands in no message."""
    error = error_of('{"Backend":{"Type":"wireguard","PSK":"hunter2"}}')

    assert "hunter2" not in str(error)


def test_nothing_invisible_in_messages():
    """Control and bidirectional characters are escaped, long text is cut."""
    message = str(error_of('{"a":1 \x1b[31m\u202e' + "x" * 500 + "}"))

    assert message.isprintable()
    assert len(message) < 300


def test_caret_in_a_long_line():
    """Of a very long line a window is shown, the caret under the place; wide ones count two."""
    line, under = error_of('{"a":"' + "字" * 5_000 + '" x' + " " * 500 + "}").caret().split("\n")

    assert len(line) < 120
    assert line.startswith("…")
    before = line[: line.index('" x') + 2]
    assert sum(2 if char == "字" else 1 for char in before) == under.index("^")
