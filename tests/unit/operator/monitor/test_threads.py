"""Calls that block, such as the look-up of a name: one that hangs holds up no other."""

import asyncio
import threading

import pytest

from headrace_operator.monitor.threads import OneEach


async def test_a_hundred_calls_that_hang_hold_up_no_other() -> None:
    asyncio.get_running_loop().set_default_executor(OneEach())
    hold = threading.Event()
    hanging = [asyncio.create_task(asyncio.to_thread(hold.wait)) for _ in range(100)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(sum, [1, 2]) == 3
    hold.set()
    assert await asyncio.gather(*hanging) == [True] * 100


async def test_an_error_comes_out_where_the_result_is_wanted() -> None:
    asyncio.get_running_loop().set_default_executor(OneEach())
    with pytest.raises(ValueError, match="invalid literal"):
        await asyncio.to_thread(int, "x")
