"""The rules of writing, on real servers of every version to be had."""

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from spark_bus import feed, keys
from spark_bus.connection import connect
from spark_bus.cursor import EntryId
from spark_bus.publisher import Claim, Fenced, Held, Publisher, outgoing
from spark_market.instruments import Mode
from support import stream
from support.eventually import eventually
from support.examples import NOON, VENUE, a_book, a_feed_state, a_heartbeat, a_trade, an_instrument, tickers
from support.redis_server import RedisServer
from support.tcp_proxy import TcpProxy


def a_publisher(redis: Redis, *, mode: Mode = Mode.MOCK, lease_ms: int = 3_000, most_entries: int = 1_000) -> Publisher:
    return Publisher(redis, VENUE, mode, lease_ms=lease_ms, most_entries=most_entries)


async def a_writer(redis: Redis, *, mode: Mode = Mode.MOCK, lease_ms: int = 3_000) -> Publisher:
    publisher = a_publisher(redis, mode=mode, lease_ms=lease_ms)
    claim = await publisher.claim()
    assert isinstance(claim, Claim)
    return publisher


async def test_the_first_claim_starts_an_epoch_with_a_stream(redis: Redis) -> None:
    """A reader that finds an epoch must find a position in it, too."""
    claim = await a_publisher(redis).claim()

    assert isinstance(claim, Claim)
    assert claim.born
    assert claim.last == {}
    assert claim.epoch == await stream.epoch(redis)
    assert await stream.kinds(redis) == ["instruments"]


async def test_a_venue_held_by_another_is_not_given(redis: Redis) -> None:
    """Two writers at once would put two orders into one stream."""
    await a_writer(redis)

    answer = await a_publisher(redis).claim()

    assert isinstance(answer, Held)
    assert 0 < answer.wait_ms <= 3_000


async def test_a_lease_that_has_run_out_is_taken_over_in_the_same_epoch(redis: Redis) -> None:
    """A crash of the writer costs readers nothing: same epoch, and it is known how far the data goes."""
    old = await a_writer(redis, lease_ms=50)
    await old.append(tickers(1, 2))
    epoch = await stream.epoch(redis)
    new = a_publisher(redis)

    claim = await eventually(lambda: _claimed(new), what="takeover")

    assert claim == Claim(epoch=str(epoch), born=False, last={"ticker": NOON + 2}, heard={}, marks={})


async def _claimed(publisher: Publisher) -> Claim | None:
    answer = await publisher.claim()
    return answer if isinstance(answer, Claim) else None


async def test_a_claim_tells_of_the_last_trade_of_each_symbol(redis: Redis) -> None:
    """The venue's own list of trades then shows what was published since, and what was missed."""
    old = await a_writer(redis)
    trades = [a_trade(7), a_trade(8, venue_time=NOON + 8), a_trade(3, "ETH_TRY", venue_time=None)]
    await old.append([outgoing(trade) for trade in trades])
    await old.append(tickers(1))
    await old.release()

    claim = await a_publisher(redis).claim()

    assert isinstance(claim, Claim)
    assert claim.marks == {"trade:BTC_TRY": f"8 {NOON + 8}", "trade:ETH_TRY": "3"}
    assert await stream.trades(redis) == ["7", "8", "3"]


async def test_a_batch_that_was_not_appended_leaves_no_mark(redis: Redis) -> None:
    """Otherwise the next writer would take a trade for published that is nowhere."""
    writer = await a_writer(redis)
    await writer.append([outgoing(a_trade(1))])
    await redis.delete(keys.epoch(VENUE))

    assert (await writer.append([outgoing(a_trade(2))])).born
    await writer.release()
    claim = await a_publisher(redis).claim()

    assert isinstance(claim, Claim)
    assert claim.marks == {"trade:BTC_TRY": f"1 {NOON}"}


async def test_how_far_the_data_goes_is_its_newest_time_of_receipt(redis: Redis) -> None:
    """Current values that are written anew in one batch are of any age, and in any order."""
    writer = await a_writer(redis)
    await writer.append([*tickers(9), *tickers(2, symbol="ETH_TRY"), outgoing(a_book(1, received_at=NOON + 4))])
    await writer.release()

    claim = await a_publisher(redis).claim()

    assert isinstance(claim, Claim)
    assert claim.last == {"ticker": NOON + 9, "book": NOON + 4}


async def test_an_old_writer_that_wakes_up_is_fenced_off(redis: Redis) -> None:
    """It may have been stopped for an hour: nothing that it still holds may reach the stream."""
    old = await a_writer(redis, lease_ms=20)
    new = a_publisher(redis)
    await eventually(lambda: _claimed(new))
    await new.append(tickers(7))

    with pytest.raises(Fenced):
        await old.append(tickers(1))
    with pytest.raises(Fenced):
        await old.beat(a_heartbeat(), {}, a_feed_state())

    assert await stream.prices(redis) == [7]


async def test_a_lapsed_lease_that_nobody_took_is_still_its_writers(redis: Redis) -> None:
    """A pause in which nobody else wrote leaves nothing to disclose."""
    writer = await a_writer(redis, lease_ms=1)
    await writer.append(tickers(1))
    await eventually(lambda: _lapsed(redis))

    answer = await writer.append(tickers(2))

    assert not answer.born
    assert await stream.prices(redis) == [1, 2]


async def _lapsed(redis: Redis) -> bool:
    return int((await stream.hash_of(redis, keys.writer(VENUE)))[b"until"]) < await stream.now_ms(redis)


async def test_a_released_venue_can_be_claimed_at_once(redis: Redis) -> None:
    """An orderly restart does not wait for its own lease to end."""
    old = await a_writer(redis)
    await old.release()

    claim = await a_publisher(redis).claim()

    assert isinstance(claim, Claim)
    assert not claim.born


async def test_only_the_owner_can_release(redis: Redis) -> None:
    await a_writer(redis)
    await a_publisher(redis).release()

    assert isinstance(await a_publisher(redis).claim(), Held)


async def test_messages_stand_on_the_stream_in_the_order_they_were_given(redis: Redis) -> None:
    writer = await a_writer(redis)
    for at in range(0, 300, 100):
        await writer.append(tickers(*range(at, at + 100)))

    assert await stream.prices(redis) == list(range(300))


async def test_latest_holds_the_newest_value_with_the_entry_that_brought_it(redis: Redis) -> None:
    """Joining a snapshot and the stream needs to know which of the two is newer."""
    writer = await a_writer(redis)
    await writer.append([*tickers(1, 2), *tickers(9, symbol="ETH_TRY")])

    [(btc, _), (eth, _)] = (await stream.raw(redis))[2:]
    assert await stream.hash_of(redis, keys.latest(VENUE)) == {
        b"ticker:BTC_TRY": btc + b" " + tickers(2)[0].data,
        b"ticker:ETH_TRY": eth + b" " + tickers(9, symbol="ETH_TRY")[0].data,
    }


async def test_a_batch_sent_again_after_a_lost_reply_is_on_the_stream_once(redis_url: str, redis: Redis) -> None:
    """The request arrived and only its answer was lost: sending it again must not repeat it."""
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with TcpProxy(port) as proxy:
        client = connect(f"redis://127.0.0.1:{proxy.port}/0")
        writer = await a_writer(client)
        await writer.append(tickers(1))

        proxy.drop_next_reply()
        with pytest.raises((RedisError, OSError)):
            await writer.append(tickers(2))
        again = await writer.append(tickers(2))
        await writer.append(tickers(3))
        await client.aclose()

    assert proxy.replies_dropped == 1
    assert not again.born
    assert await stream.prices(redis) == [1, 2, 3]


async def test_an_answer_to_another_batch_is_not_taken_for_this_ones(redis: Redis) -> None:
    """Its own comes with the next call."""
    writer = await a_writer(redis)
    await writer.append(tickers(1))
    await redis.hset(keys.writer(VENUE), "number", 2)  # so the second is answered as the first was

    with pytest.raises(ResponseError, match="to batch 2"):
        await writer.append(tickers(2))
    await redis.hset(keys.writer(VENUE), "number", 1)
    await writer.append(tickers(2))

    assert await stream.prices(redis) == [1, 2]


async def test_a_claim_sent_again_after_a_lost_reply_still_says_that_an_epoch_was_born(
    redis_url: str, redis: Redis
) -> None:
    """Otherwise the writer would not know that what it holds must be written again."""
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with TcpProxy(port) as proxy:
        client = connect(f"redis://127.0.0.1:{proxy.port}/0")
        writer = await a_writer(client)
        await redis.flushall()
        await writer.claim()  # the script is known to the server, so the next call is one request
        await redis.delete(keys.epoch(VENUE), keys.writer(VENUE), keys.messages(VENUE))

        proxy.drop_next_reply()
        with pytest.raises((RedisError, OSError)):
            await writer.claim()
        again = await writer.claim()
        await writer.append(tickers(1))
        await writer.release()
        later = await writer.claim()
        await client.aclose()

    assert proxy.replies_dropped == 1
    assert isinstance(again, Claim)
    assert again.born
    assert isinstance(later, Claim)
    assert not later.born
    assert later.epoch == again.epoch == await stream.epoch(redis)


async def test_when_redis_lacks_a_batch_it_acknowledged_an_epoch_is_born_and_nothing_appended(redis: Redis) -> None:
    """A lost tail shows as a number that does not follow; readers must not take what comes next for continuous."""
    writer = await a_writer(redis)
    await writer.append(tickers(1))
    before = await stream.epoch(redis)
    kept = await stream.hash_of(redis, keys.writer(VENUE))
    await writer.append(tickers(2))
    await redis.hset(keys.writer(VENUE), mapping={str(name, "ascii"): value for name, value in kept.items()})

    answer = await writer.append(tickers(3))

    assert answer.born
    assert answer.epoch == await stream.epoch(redis) != before
    assert await stream.prices(redis) == [1, 2]
    assert await stream.latest(redis) == {}
    assert not (await writer.append(tickers(3))).born
    assert await stream.prices(redis) == [1, 2, 3]


async def test_a_lost_reply_that_told_of_a_birth_is_told_again(redis_url: str, redis: Redis) -> None:
    """If the second answer were another one, nobody would ever write the current values anew."""
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with TcpProxy(port) as proxy:
        client = connect(f"redis://127.0.0.1:{proxy.port}/0")
        writer = await a_writer(client)
        await writer.append(tickers(1))
        await redis.delete(keys.epoch(VENUE))

        proxy.drop_next_reply()
        with pytest.raises((RedisError, OSError)):
            await writer.append(tickers(2))
        again = await writer.append(tickers(2))
        await client.aclose()

    assert again.born
    assert again.epoch == await stream.epoch(redis)
    assert await stream.prices(redis) == [1]


async def test_a_missing_epoch_is_born_anew(redis: Redis) -> None:
    writer = await a_writer(redis)
    await writer.append(tickers(1))
    await redis.delete(keys.epoch(VENUE))

    assert await writer.beat(a_heartbeat(), {}, a_feed_state()) is None
    assert (await writer.append([])).born
    assert await writer.beat(a_heartbeat(), {}, a_feed_state()) is not None


async def test_a_wiped_redis_refuses_its_old_writer_until_it_claims(redis: Redis) -> None:
    writer = await a_writer(redis)
    await redis.flushall()

    with pytest.raises(Fenced):
        await writer.append(tickers(1))
    claim = await writer.claim()

    assert isinstance(claim, Claim)
    assert claim.born


async def test_a_starting_writer_begins_an_epoch_when_redis_was_restarted(server: RedisServer) -> None:
    """It has no batch number of its own that would show a lost tail, so it takes one for granted."""
    redis = connect(server.url)
    old = await a_writer(redis)
    await old.append(tickers(1))
    await old.release()
    before = await stream.epoch(redis)
    await redis.aclose()
    await server.restart()
    redis = connect(server.url)

    claim = await a_publisher(redis).claim()
    await redis.aclose()

    assert isinstance(claim, Claim)
    assert claim.born
    assert claim.epoch != before
    assert claim.last == {"ticker": NOON + 1}


async def test_a_running_writer_goes_on_in_its_epoch_when_redis_was_restarted_whole(server: RedisServer) -> None:
    """Nothing was lost, so there is nothing to disclose: not now, and not when the next writer starts."""
    redis = connect(server.url)
    writer = await a_writer(redis)
    await writer.append(tickers(1))
    before = await stream.epoch(redis)
    await server.restart()
    await redis.connection_pool.disconnect()  # the broken connection costs a call, which is not what this is about

    assert await writer.beat(a_heartbeat(), {}, a_feed_state()) is not None
    answer = await writer.append(tickers(2))
    await writer.release()
    claim = await a_publisher(redis).claim()

    assert not answer.born
    assert isinstance(claim, Claim)
    assert not claim.born
    assert claim.epoch == before
    assert await stream.prices(redis) == [1, 2]
    await redis.aclose()


async def test_another_mode_starts_an_epoch_and_knows_nothing_of_the_one_before(redis_url: str, redis: Redis) -> None:
    """Real and simulated values never stand side by side; a simulator's trade ids and times mean nothing to a venue.

    The reply is lost once: the second one says the same.
    """
    mock = await a_writer(redis, mode=Mode.MOCK)
    await mock.append([*tickers(1), outgoing(a_trade(1))])
    await mock.beat(a_heartbeat(), {"ticker:BTC_TRY": NOON}, a_feed_state())
    await mock.release()
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with TcpProxy(port) as proxy:
        client = connect(f"redis://127.0.0.1:{proxy.port}/0")
        real = a_publisher(client, mode=Mode.REAL)

        proxy.drop_next_reply()
        with pytest.raises((RedisError, OSError)):
            await real.claim()
        claim = await real.claim()
        await client.aclose()

    epoch = await stream.epoch(redis)
    assert claim == Claim(epoch=str(epoch), born=True, last={}, heard={}, marks={}, mode_changed=True)
    assert await stream.latest(redis) == {}
    assert await stream.hash_of(redis, keys.heard(VENUE)) == {}


async def test_the_same_mode_and_the_very_first_are_no_change_of_mode(redis: Redis) -> None:
    for _ in range(2):
        publisher = a_publisher(redis)
        claim = await publisher.claim()
        await publisher.release()

        assert isinstance(claim, Claim)
        assert not claim.mode_changed


async def test_a_heartbeat_trims_what_is_older_than_retention(redis: Redis) -> None:
    writer = Publisher(redis, VENUE, Mode.MOCK, retention_ms=60_000)
    await writer.claim()
    seconds = await stream.now_ms(redis) // 1000
    await redis.delete(keys.messages(VENUE))
    for age_s in (90, 61, 30):
        await redis.xadd(keys.messages(VENUE), {"k": "x", "s": "", "d": ""}, id=f"{(seconds - age_s) * 1000}-0")

    first = await writer.beat(a_heartbeat(), {}, a_feed_state())

    assert first == EntryId((seconds - 30) * 1000, 0)
    assert await stream.kinds(redis) == ["x", "heartbeat"]


async def test_the_stream_never_grows_much_beyond_its_ceiling(redis: Redis) -> None:
    """Redis trims whole nodes of about a hundred entries: the ceiling is approximate, upwards."""
    writer = a_publisher(redis, most_entries=200)
    await writer.claim()
    for at in range(0, 1_000, 100):
        await writer.append(tickers(*range(at, at + 100)))

    kept = await stream.prices(redis)
    assert 200 <= len(kept) <= 400
    assert kept == list(range(1_000 - len(kept), 1_000))


async def test_a_heartbeat_writes_what_the_ingest_says_of_itself(redis: Redis) -> None:
    writer = await a_writer(redis)

    await writer.beat(a_heartbeat(), {"ticker:BTC_TRY": NOON}, a_feed_state())

    assert await stream.kinds(redis) == ["instruments", "heartbeat"]
    assert await stream.hash_of(redis, keys.heard(VENUE)) == {b"ticker:BTC_TRY": str(NOON).encode()}
    state: Any = await redis.get(keys.feed(VENUE))
    assert feed.decode(state) == a_feed_state()


async def test_the_directory_is_replaced_as_a_whole(redis: Redis) -> None:
    """A delisted symbol does not linger."""
    writer = await a_writer(redis)
    await writer.write_instruments({symbol: an_instrument(symbol) for symbol in ("BTC_TRY", "OLD_TRY")})
    await writer.write_instruments({symbol: an_instrument(symbol) for symbol in ("BTC_TRY", "NEW_TRY")})

    assert set(await stream.hash_of(redis, keys.instruments(VENUE))) == {b"BTC_TRY", b"NEW_TRY"}


async def test_what_is_not_carried_any_more_has_no_current_value(redis: Redis) -> None:
    """A price that nobody keeps up to date must not stand among those that are."""
    writer = await a_writer(redis)
    await writer.append([*tickers(1), *tickers(2, symbol="OLD_TRY")])
    await writer.append([outgoing(a_book()), outgoing(a_book(symbol="OLD_TRY"))])
    heard = {"ticker:BTC_TRY": NOON, "ticker:OLD_TRY": NOON, "trade:OLD_TRY": NOON}
    await writer.beat(a_heartbeat(), heard, a_feed_state())
    await writer.write_instruments({"BTC_TRY": an_instrument()})

    assert set(await stream.hash_of(redis, keys.latest(VENUE))) == {b"ticker:BTC_TRY", b"book:BTC_TRY"}
    assert set(await stream.hash_of(redis, keys.heard(VENUE))) == {b"ticker:BTC_TRY"}, "nor is it missed"


async def test_only_the_writer_may_replace_the_directory(redis: Redis) -> None:
    old = await a_writer(redis, lease_ms=20)
    new = a_publisher(redis)
    await eventually(lambda: _claimed(new))
    await new.write_instruments({"BTC_TRY": an_instrument()})

    with pytest.raises(Fenced):
        await old.write_instruments({})

    assert set(await stream.hash_of(redis, keys.instruments(VENUE))) == {b"BTC_TRY"}


async def test_a_lost_heartbeat_alone_starts_an_epoch(redis: Redis) -> None:
    """Readers have passed its id: on a slower clock, what follows could get ids that they never look at."""
    writer = await a_writer(redis)
    await writer.append(tickers(1))
    await writer.beat(a_heartbeat(), {}, a_feed_state())
    found: Any = await redis.xrevrange(keys.messages(VENUE), count=1)
    await redis.xdel(keys.messages(VENUE), found[0][0])

    assert await writer.beat(a_heartbeat(), {}, a_feed_state()) is None
    assert (await writer.append(tickers(2))).born


async def test_a_lease_given_by_a_clock_that_was_set_back_does_not_block_the_venue(redis: Redis) -> None:
    await a_writer(redis)
    await redis.hincrby(keys.writer(VENUE), "until", 3_600_000)

    assert isinstance(await a_publisher(redis).claim(), Claim)
