// SPDX-License-Identifier: MIT
// What can be fetched, from where, and the SHA-256 that it must have.
//
// Sizes and sums are those that TensorFlow Datasets publishes for the same addresses
// (tensorflow_datasets/url_checksums); those of MNIST's test files were compared with the files. MNIST's author no
// longer serves its files himself: these are the copies that PyTorch and TensorFlow use, the same bytes.
#include "data/fetch.h"

#include "base/nearest.h"
#include "base/status.h"
#include <stdio.h>
#include <string.h>

static const tw_fetch_set sets[] = {
    {"cifar10",
     "60,000 pictures, 3 x 32 x 32, 10 classes (Krizhevsky 2009)",
     {"https://www.cs.toronto.edu/~kriz/", NULL},
     1,
     {{"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
       "data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin test_batch.bin"}}},
    {"cifar100",
     "60,000 pictures, 3 x 32 x 32, 100 or 20 classes (Krizhevsky 2009)",
     {"https://www.cs.toronto.edu/~kriz/", NULL},
     1,
     {{"cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
       "train.bin test.bin"}}},
    {"mnist",
     "70,000 digits, 28 x 28, 10 classes (LeCun, Cortes & Burges 1998)",
     {"https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"},
     4,
     {{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", NULL},
      {"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", NULL},
      {"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", NULL},
      {"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", NULL}}},
    {"fashion-mnist",
     "70,000 pictures of clothes, 28 x 28, 10 classes (Xiao, Rasul & Vollgraf 2017)",
     {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", NULL},
     4,
     {{"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
       NULL},
      {"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", NULL},
      {"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", NULL},
      {"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", NULL}}},
};
enum { SETS = sizeof sets / sizeof *sets };

const tw_fetch_set *tw_fetch_sets(int64_t *count)
{
    *count = SETS;
    return sets;
}

tw_status tw_fetch_find(const char *name, const tw_fetch_set **out)
{
    char names[256] = "", near[64];
    for (int i = 0; i < SETS; i++) {
        if (strcmp(name, sets[i].name) == 0) {
            *out = &sets[i];
            return TW_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? " " : "", sets[i].name);
    }
    tw_nearest(name, names, near, sizeof near);
    return tw_fail(TW_EINVAL, "data fetch: found \"%s\", expected one of: %s; did you mean %s?", name, names, near);
}
