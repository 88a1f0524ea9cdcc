"""Where commands meet the terminal: parameters made from options, configuration files, standard streams, progress, results and errors."""
