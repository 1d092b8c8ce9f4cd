// An object for the precompiled header to belong to.
