"""A Kafka cluster in a process of its own: the one that librdkafka carries for tests, spoken to over TCP.

Prints its address, then obeys lines: `down` cuts every connection and refuses new ones, `up` lets them in
again. It keeps what it was told while it is down, and loses it when the process ends, which it does
with its standard input.
"""

import ctypes
import sys
from pathlib import Path

import confluent_kafka

BROKER = 1  # the mock cluster numbers its brokers from 1


def main(topic: str, partitions: int) -> None:
    home = Path(confluent_kafka.__file__).parent
    library = next((home.parent / "confluent_kafka.libs").glob("librdkafka*"))
    kafka = ctypes.CDLL(str(library))
    kafka.rd_kafka_conf_new.restype = kafka.rd_kafka_new.restype = ctypes.c_void_p
    kafka.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    kafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    said = ctypes.create_string_buffer(512)
    client = kafka.rd_kafka_new(0, ctypes.c_void_p(kafka.rd_kafka_conf_new()), said, len(said))
    assert client, said.value
    cluster = ctypes.c_void_p(kafka.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), 1))
    assert kafka.rd_kafka_mock_topic_create(cluster, topic.encode(), partitions, 1) == 0
    kafka.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 100)
    print(kafka.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
    for line in sys.stdin:
        down = line.strip() == "down"
        failed = (kafka.rd_kafka_mock_broker_set_down if down else kafka.rd_kafka_mock_broker_set_up)(
            cluster, BROKER
        )
        print("failed" if failed else "ok", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
