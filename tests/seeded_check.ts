/**
 * fast-check with a fixed seed: every run of the tests repeats exactly. A test that gives a seed of its own keeps it.
 *
 * @module
 */

import fc from "fast-check/unseeded";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20261122 });

export default fc;
