// Nothing of this header is used by the classes that we name; see README.md.
#pragma once
