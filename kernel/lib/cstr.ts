// cstr("text"): a UTF-8 text ending in NUL in static data. The linker replaces the call by the text's address.

export declare function cstr(text: string): usize;
