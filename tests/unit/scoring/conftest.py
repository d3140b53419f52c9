import pytest


@pytest.fixture(scope="session")
def model(saved):
    import mlflow

    return mlflow.pyfunc.load_model(str(saved))


@pytest.fixture(scope="session")
def accounts(packaged):
    """The customers that the model was fitted on, as a table to score."""
    return packaged.table.features.reset_index()
