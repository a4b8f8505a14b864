"""Shopping conversations with known acts and states, generated from a catalogue."""
