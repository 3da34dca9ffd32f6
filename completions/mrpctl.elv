
set edit:completion:arg-completer[mrpctl] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) MRPCTL_COMPLETE="elvish" mrpctl -- $@words) | to-lines
}

