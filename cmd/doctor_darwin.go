package cmd

// setClock is how to set the clock.
const setClock = "set it in the system settings, under Date & Time"
