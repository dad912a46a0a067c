"""A voice assistant on this machine: `.venv/bin/python examples/assistant.py http://localhost:8080`.

Needs `.venv/bin/pip install sounddevice` (and PortAudio; Debian: libportaudio2) and headphones. The
variable COUNTERPOINT_KEY opens a server with keys. Ctrl-C hangs up.
"""

import asyncio
import os
import random
import sys

from client import AgentDone, ConversationError, PersonWords, connect, tool
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
    key = os.environ.get("COUNTERPOINT_KEY", "")
    async with connect(url, key=key, tools=[roll_dice]) as conversation:
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
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1]))
    except ConversationError as error:
        sys.exit(f"assistant: {error}")
    except KeyboardInterrupt:
        pass
