"""The parts of training, one subject a module; `degcraft.train` puts them together."""
