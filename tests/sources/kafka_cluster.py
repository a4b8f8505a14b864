"""A Kafka cluster in its own process: librdkafka's mock cluster, used over TCP.

Prints its address, then obeys lines on standard input: `down` cuts every connection and rejects new ones,
`up` accepts them again. It keeps its data while it is down and loses it when the process ends, at the end of
standard input.
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
    error_message = ctypes.create_string_buffer(512)
    client = kafka.rd_kafka_new(
        0, ctypes.c_void_p(kafka.rd_kafka_conf_new()), error_message, len(error_message)
    )
    assert client, error_message.value
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
