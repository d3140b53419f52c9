import pytest


@pytest.fixture(scope="session")
def saved(packaged, tmp_path_factory):
    """The package as an MLflow model on disk, version 3."""
    from segmentwerk.registry.publish import save_pyfunc

    path = tmp_path_factory.mktemp("saved") / "pyfunc"
    save_pyfunc(path, packaged.folder, packaged.catalogue, 3)
    return path


@pytest.fixture(scope="session")
def model(saved):
    import mlflow

    return mlflow.pyfunc.load_model(str(saved))


@pytest.fixture(scope="session")
def accounts(packaged):
    """The customers that the model was fitted on, as a table to score."""
    return packaged.table.features.reset_index()
