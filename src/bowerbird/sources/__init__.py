"""Where live events come from: files, NATS, Redis and Kafka behind one contract (HTTP is `serve`)."""
