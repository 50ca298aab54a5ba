package integration

// openFuseDevice does nothing: macFUSE lets every user mount.
func openFuseDevice() func() { return func() {} }
