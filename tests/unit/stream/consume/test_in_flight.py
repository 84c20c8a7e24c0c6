import asyncio

from stream.consume.in_flight import BytesInFlight


async def test_a_request_for_room_waits_while_the_limit_is_reached() -> None:
    in_flight = BytesInFlight(100)
    await in_flight.room()
    in_flight.add(99)
    await in_flight.room()
    in_flight.add(50)
    waiting = asyncio.create_task(in_flight.room())
    await asyncio.sleep(0)
    in_flight.remove(49)
    await asyncio.sleep(0)
    assert not waiting.done()
    in_flight.remove(1)
    await waiting
    assert in_flight.used == 99
