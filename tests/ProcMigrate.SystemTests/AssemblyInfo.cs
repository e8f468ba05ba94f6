// One at a time: the tests count descriptors, look for strays and load both processors.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
