"""A voice assistant on this machine: `python examples/assistant.py http://localhost:8080`.

Needs `pip install '.[microphone]'` and headphones. Ctrl-C hangs up.
"""

import asyncio
import random
import sys

from client import AgentDone, PersonWords, connect, tool
from client.devices import loudspeaker, microphone


@tool
def roll_dice(count: int = 1) -> str:
    """Rolls dice and tells what they show.

    Args:
        count: how many dice, 1 to 10.
    """
    shown = [str(random.randint(1, 6)) for _ in range(min(max(count, 1), 10))]
    return f"The dice show {', '.join(shown)}."


async def main(url: str) -> None:
    """Talk until Ctrl-C."""
    async with connect(url, tools=[roll_dice]) as conversation:
        with microphone(conversation):
            async with loudspeaker(conversation):
                async for event in conversation.events():
                    match event:
                        case PersonWords(final=True, words=words):
                            print("you:  ", " ".join(word.text for word in words))
                        case AgentDone(utterance=number):
                            if turn := conversation.utterance(number):
                                print("agent:", turn.text)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
