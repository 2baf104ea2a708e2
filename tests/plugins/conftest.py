"""Names an Airflow home before the tests here import Airflow, and puts the plugins on the path."""

import tests.airflow_home  # noqa: F401 - imported for what it sets
