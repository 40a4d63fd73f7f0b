require "mkmf"
create_makefile("fast_blank")
