module arkor

go 1.24
