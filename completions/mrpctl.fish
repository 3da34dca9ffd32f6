complete --keep-order --exclusive --command mrpctl --arguments "(MRPCTL_COMPLETE=fish mrpctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
