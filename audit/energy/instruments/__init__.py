"""The borders to what reads energy: libraries, and the process that holds them."""
