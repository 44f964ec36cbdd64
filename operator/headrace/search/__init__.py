"""How an Elasticsearch is reached: the same for whoever asks it something."""
