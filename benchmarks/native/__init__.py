"""The default store beside its peers: same states, same disk, same run, turn by turn."""
