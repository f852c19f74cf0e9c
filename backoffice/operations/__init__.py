"""Running the whole: bringing services and databases up, the main job in one go, keeping processes alive."""
