// The numbers that all is computed with: float, or double by -DREAL=double.
#pragma once

#ifndef REAL
#define REAL float
#endif

using Real = REAL;
