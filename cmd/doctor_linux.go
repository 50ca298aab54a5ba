package cmd

// setClock is how to set the clock.
const setClock = "set it, for good with sudo timedatectl set-ntp true"
