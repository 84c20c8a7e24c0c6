from schemas.decode import LeadDecoder
from schemas.errors import ErrorCode
from schemas.left_out import LeftOutValue
from schemas.store import SchemaStore

LEAD = b'{"lead_id":"a","created_at":1}'


def test_a_value_that_was_left_out_is_too_large_and_its_neighbours_are_read() -> None:
    decoder = LeadDecoder(SchemaStore(), {})
    for values in ([LeftOutValue(300_000_000), LEAD], [LEAD, LeftOutValue(300_000_000)] * 10):
        leads = decoder.decode(values)
        left_out = [i for i, value in enumerate(values) if isinstance(value, LeftOutValue)]
        assert [(i, error.code) for i, error in leads.errors] == [
            (i, ErrorCode.TOO_LARGE) for i in left_out
        ]
        assert "300000000" in leads.errors[0][1].message
        assert len(leads.lead_ids) == len(values) - len(left_out)
