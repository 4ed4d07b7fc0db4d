"""The columns of results.csv by the names of settings; earlier results name them by their places in the records."""

EARLIER = {
    "data": "data.name",
    "dropout": "plan.network.dropout",
    "query_size": "plan.selection.active.query_size",
    "augmentation.transforms": "plan.policy.transforms",
    "test_time_views": "plan.test_time_views",
    "recipe.steps": "plan.training.recipe.steps",
    "recipe.cosine": "plan.training.recipe.cosine",
    "recipe.label_smoothing": "plan.training.recipe.label_smoothing",
    "recipe.average": "plan.training.recipe.average",
}


def setting(row, name):
    """The value in that column; empty where there is none."""
    return row.get(name) or row.get(EARLIER[name]) or ""
