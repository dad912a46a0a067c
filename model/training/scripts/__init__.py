"""What conversations say: wording, scenes, and the timing of people."""
