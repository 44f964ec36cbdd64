"""What there is to be read, before there is a pipeline: a run of kind Preview, which writes nothing anywhere."""
