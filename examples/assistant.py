"""A voice assistant on this machine: `python examples/assistant.py http://localhost:8080`.

Needs `pip install '.[microphone]'` and headphones. Ctrl-C hangs up.
"""

import asyncio
import datetime
import sys

from client import AgentDone, PersonWords, connect, tool
from client.devices import loudspeaker, microphone


@tool
def current_time() -> str:
    """The time of day now."""
    return datetime.datetime.now().strftime("It is %H:%M.")


async def main(url: str) -> None:
    """Talk until Ctrl-C."""
    async with connect(url, tools=[current_time]) as conversation:
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
