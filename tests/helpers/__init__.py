"""What several tests share: networks, files, programs, and the command run in this process."""
