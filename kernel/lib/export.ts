// EXPORT_SYMBOL(name): a kernel symbol, which a module may import: a function, or a variable, whose address it then gets. The
// linker puts it into the image's symbol table; the image's entry has to pass the function or variable on.

export declare function EXPORT_SYMBOL<T>(symbol: T): void;
