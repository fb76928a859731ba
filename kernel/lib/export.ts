// EXPORT_SYMBOL(fn): a kernel symbol, which a module may import. The linker puts it into the image's symbol table; the
// image's entry has to pass the function on.

export declare function EXPORT_SYMBOL<T>(fn: T): void;
