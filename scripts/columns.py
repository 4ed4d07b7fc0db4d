"""The columns of results.csv by the names of settings; earlier results have other names for them."""

EARLIER = {
    "data": ["data.name"],
    "final.dropout": ["dropout", "plan.network.dropout"],
    "loop.query_size": ["query_size", "plan.selection.active.query_size"],
    "augmentation.transforms": ["plan.policy.transforms"],
    "final.test_time_views": ["test_time_views", "plan.test_time_views"],
    "final.recipe.steps": ["recipe.steps", "plan.training.recipe.steps"],
    "final.recipe.cosine": ["recipe.cosine", "plan.training.recipe.cosine"],
    "final.recipe.label_smoothing": ["recipe.label_smoothing", "plan.training.recipe.label_smoothing"],
    "final.recipe.average": ["recipe.average", "plan.training.recipe.average"],
}


def setting(row, name):
    """The value in that column; empty where there is none."""
    values = (row.get(column) for column in [name, *EARLIER[name]])
    return next((value for value in values if value), "")
