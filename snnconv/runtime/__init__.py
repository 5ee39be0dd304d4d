"""What the Simulator is made of: batches of samples, chunks of time steps, and what compiles them."""
