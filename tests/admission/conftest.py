"""Admission over a cluster in memory."""

import json
from collections.abc import Callable

import pytest

from tests import reviews
from tests.fakes.cluster import INSTALLED_AT, FakeCluster
from webhook.admission import Admission
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.metrics import SilentRecorder
from webhook.model.review import AdmissionResponse, decode_review
from webhook.settings import Environment, load

OURS = "system:serviceaccount:portcullis-system:portcullis"

Answer = Callable[..., AdmissionResponse]


@pytest.fixture
def cluster() -> FakeCluster:
    """An empty cluster, installed at `INSTALLED_AT`."""
    cluster = FakeCluster()
    cluster.installed = INSTALLED_AT
    return cluster


@pytest.fixture
def environment() -> Environment:
    """The default settings, in the usual namespace."""
    return load({"POD_NAMESPACE": "portcullis-system"})


@pytest.fixture
def admission(cluster: FakeCluster, environment: Environment) -> Admission:
    """Admission put together as in production, on the cluster in memory."""
    return compose(environment, SilentRecorder(), cluster)


@pytest.fixture
def validate(admission: Admission) -> Answer:
    """Sends a validating review and gives the response."""

    def send(*args, **kwargs) -> AdmissionResponse:
        attributes = decode_review(json.dumps(reviews.review(*args, **kwargs)).encode())
        return admission.validate(attributes, Deadline.after(5))

    return send


@pytest.fixture
def mutate(admission: Admission) -> Answer:
    """Sends a mutating review and gives the response."""

    def send(*args, **kwargs) -> AdmissionResponse:
        attributes = decode_review(json.dumps(reviews.review(*args, **kwargs)).encode())
        return admission.mutate(attributes, Deadline.after(5))

    return send
