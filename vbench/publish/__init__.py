"""What leaves a bench for strangers: a bundle they can check, a site without a server, a data set on a hub."""
