"""The compiled half of tiny_pytorch: the engine, the thread pool and the fused kernels.

Private. Every function here either does its work on exactly the arrays it was written for, or returns
``NotImplemented``, upon which the caller in ``tiny_pytorch.backend`` runs the reference kernel.
"""
