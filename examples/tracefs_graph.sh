# What does opening a file that is not there call, three levels deep?
echo do_sys_openat2 > set_graph_function
echo 3 > max_graph_depth
echo function_graph > current_tracer
run openfail
cat trace
