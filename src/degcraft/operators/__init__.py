"""The degradation operators and their parameters.

A new operator is one function in a module of this package: decorate it with `registry.operator` and name its
parameters. It gets the image as float32 RGB of 0..255, returns the same without writing to what it got, and draws
randomness from nothing but the generator it is handed. Its parameters become axes of the degradation space as soon as a
configuration names them.
"""

from degcraft.operators import blur, jpeg, noise, resize, shuffle
from degcraft.operators.pixels import to_uint8
from degcraft.operators.registry import OPERATORS, Operator, Parameter, Value

__all__ = ["OPERATORS", "Operator", "Parameter", "Value", "blur", "jpeg", "noise", "resize", "shuffle", "to_uint8"]
